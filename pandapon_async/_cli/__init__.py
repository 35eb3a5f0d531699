"""The command line (extra ``cli``): one file a command, registered in `app.COMMANDS`."""
