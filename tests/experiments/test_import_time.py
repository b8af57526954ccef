from experiments.import_time import modules_after


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


def test_modules_are_those_of_a_fresh_interpreter():
    assert "decimal" in modules_after("import decimal") - modules_after("pass")
