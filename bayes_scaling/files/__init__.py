"""Files written whole or not at all, the marks that saved files carry, and NetCDF without loss."""
