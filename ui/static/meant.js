// What the settings that are left open mean for an engine with a model: the checkpoint, its steps and its guidance.
const MODEL = "generate.model", EFFORT = "generate.effort", STEPS = "generate.steps", GUIDANCE = "generate.guidance";

/** Sentences about what is chosen, by the settings that they stand at; none for an engine without a model. */
export function meantNotes({ meant, engine: name }, values) {
  const [engine, model, effort] = [name, MODEL, EFFORT].map((name) => values.get(name));
  const row = meant.find((each) => each.engine === engine && each.model === (model ?? "") && each.effort === effort);
  if (!row) return {};
  const steps = values.get(STEPS) || row.steps, guidance = values.get(GUIDANCE) || row.guidance;
  return {
    [EFFORT]: `This means ${row.checkpoint} in ${steps} steps, ${guidance > 1 ? `with a guidance of ${guidance}` : "without guidance"}.`,
    [STEPS]: values.get(STEPS) ? "" : `0 means ${row.steps} with ${row.checkpoint}.`,
    [GUIDANCE]: values.get(GUIDANCE) ? "" : `0 means ${row.guidance} with ${row.checkpoint}.`,
  };
}
