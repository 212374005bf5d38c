"""What people do with reports: commands and looks, each refusing by raising."""
