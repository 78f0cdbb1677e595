// Ends every Jest run with one plain line, `N passed, N failed, N skipped`, after the names of what was skipped.
// A suite that does not even load counts as one failure: it has no tests to count.
// It speaks when the process ends, because Jest adds its own summary behind every other reporter.
export default class ClosingLineReporter {
  #lines = '';

  constructor() {
    process.once('exit', () => process.stdout.write(this.#lines));
  }

  onRunComplete(_contexts, results) {
    const skipped = results.testResults.flatMap(({ testFilePath, skipped: wholeFile, testResults }) => [
      ...(wholeFile && testResults.length === 0 ? [testFilePath] : []),
      ...testResults.filter(({ status }) => isSkipped(status)).map(({ fullName }) => fullName),
    ]);
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    this.#lines = [
      ...skipped.map((name) => `skipped: ${name}`),
      `${results.numPassedTests} passed, ${failed} failed, ${skipped.length} skipped\n`,
    ].join('\n');
  }
}

function isSkipped(status) {
  return ['pending', 'skipped', 'todo', 'disabled'].includes(status);
}
