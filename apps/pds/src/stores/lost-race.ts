/**
 * Whether an error of Postgres ended one of two transactions that waited for each other, or that could not be put in an order: the other
 * one went through. https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
export function lostRace(error: unknown): boolean {
  const { code } = error as { code?: string }
  return code === '40P01' || code === '40001'
}
