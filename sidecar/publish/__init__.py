"""Published mode: writes what passed its checks into the folder that the main container reads."""
