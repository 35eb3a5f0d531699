"""The command line (extra ``cli``): one file per command, registered in `app.COMMANDS`."""
