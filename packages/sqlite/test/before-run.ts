import type { Database } from '../src/index.ts'

/** Calls `fn` before each run of a statement that the database keeps prepared. Returns what ends that. */
export function beforeRun(db: Database, sql: string, fn: () => void): () => void {
  const statement = db.prepare(sql)
  const run = statement.run.bind(statement) as () => ReturnType<typeof statement.run>
  statement.run = () => {
    fn()
    return run()
  }
  return () => void (statement.run = run)
}
