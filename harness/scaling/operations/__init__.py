"""The operations of Application Auto Scaling, one module for each kind of thing that they work on."""
