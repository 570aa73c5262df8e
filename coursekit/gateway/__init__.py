"""The gateway: the Hub service that alone holds the engine, and gives each of a class their share of it."""
