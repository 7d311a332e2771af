"""The reserved concurrency that GetFunction tells (AWS Lambda API Reference, GetFunction)."""

import pytest

HANDLER = "export const handler = async () => 1"


@pytest.mark.parametrize("reserved", [0, 3])
def test_get_function_tells_the_reserved_concurrency(new_account, create_function, reserved):
    """0 stops the function (Lambda Developer Guide, "Configuring reserved concurrency")."""
    function = create_function(new_account(), HANDLER)
    client, name = function.lambda_client, function.name
    assert "Concurrency" not in client.get_function(FunctionName=name)

    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)
    assert client.get_function(FunctionName=name)["Concurrency"] == {"ReservedConcurrentExecutions": reserved}

    client.delete_function_concurrency(FunctionName=name)
    assert "Concurrency" not in client.get_function(FunctionName=name)
