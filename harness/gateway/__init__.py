"""The one AWS endpoint: names the call, knows who makes it and whether they may, and hands it on."""
