/** What the tool worker of the soak serves. */
export default {
  simulated_tool: { handler: (): string => 'the answer of a tool' },
};
