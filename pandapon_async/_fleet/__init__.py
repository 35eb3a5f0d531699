"""Many machines: bookings are taken in by one and sent by others, dispatched by an existing queue."""
