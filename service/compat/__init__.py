"""Other services' protocols over the same judgement: programs that speak one of them talk to Vigie as they are."""
