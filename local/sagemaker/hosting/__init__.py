"""Models behind endpoints: fleets of real servers, and the traffic led from one to the next."""
