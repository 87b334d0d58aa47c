"""What the network writes behind a text: chosen token by token, and handed out as characters."""
