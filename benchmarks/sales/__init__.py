"""Flash sales under load, and the small applications that they are compared with."""
