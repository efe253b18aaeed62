"""SageMaker hosting: models, endpoint configurations, endpoints and the fleets behind them."""
