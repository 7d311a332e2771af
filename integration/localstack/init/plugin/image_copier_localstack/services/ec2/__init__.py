"""Amazon EC2: images as AWS documents them, in place of moto's sketch of them."""
