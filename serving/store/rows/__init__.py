"""Tables, a module for each room that owns some."""
