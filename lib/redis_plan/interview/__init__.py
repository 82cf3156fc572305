"""Interview: what was read, shown so that a team or its coding assistant corrects it in a minute.

``reading`` gathers what the design rests on, the weakest first; ``proposal`` writes it as a ``redis-plan.toml``;
``assistant`` puts it as a task; ``checking`` verifies what came back; ``answers`` changes one entry of the file.
"""
