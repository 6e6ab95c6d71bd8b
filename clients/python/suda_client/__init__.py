"""Client of Suda 诉达: `suda_client.client.Suda`, `suda_client.aio.AsyncSuda`."""
