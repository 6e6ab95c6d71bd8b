"""What each endpoint answers, declared for the OpenAPI document; nothing of it runs."""
