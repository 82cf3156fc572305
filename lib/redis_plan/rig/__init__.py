"""What experiments share: gateways as processes, the sockets of many clients, and what drives them."""
