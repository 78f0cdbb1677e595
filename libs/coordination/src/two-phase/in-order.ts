// Statements of one transaction that were sent together: when one fails, those behind it only say that it has.

/** What they came to. Errors: that of the first that failed, in their order and not in that of their answers. */
export async function inOrder<T extends readonly unknown[]>(
  sent: readonly [...{ [K in keyof T]: Promise<T[K]> }],
): Promise<T> {
  const answers = await Promise.allSettled<unknown>(sent as readonly Promise<unknown>[]);
  const failed = answers.find((answer) => answer.status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
  return answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : undefined)) as unknown as T;
}
