"""Cases of other tools, one function an area that asks clickcli the same question."""
