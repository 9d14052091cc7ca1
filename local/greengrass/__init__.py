"""GreengrassV2 and core devices for the local cloud."""

from local.greengrass.devices import Device
from local.greengrass.plug import plug

__all__ = ["Device", "plug"]
