// Limits what processes may take of a core, by a control group of the kernel each: with so much less, a machine of few cores shows
// what as many more cores would do. https://www.kernel.org/doc/html/latest/scheduler/sched-bwc.html
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Short, so that a process which used its share waits some milliseconds only. */
const PERIOD_US = 10_000

/**
 * Puts a process into a group of its own.
 *
 * @param share of one core, 0 to 1
 * @throws where the kernel has no such groups, or not for this user
 */
export function limitCpu(pid: number, share: number): Disposable {
  const [v1, v2] = ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup']
  const isV1 = existsSync(join(v1, 'cpu.cfs_quota_us'))
  const root = isV1 ? v1 : v2
  const group = join(root, `avocet-bench-${pid}`)
  mkdirSync(group)
  const quota = Math.round(PERIOD_US * share)
  if (isV1) {
    writeFileSync(join(group, 'cpu.cfs_period_us'), `${PERIOD_US}`)
    writeFileSync(join(group, 'cpu.cfs_quota_us'), `${quota}`)
  } else {
    writeFileSync(join(group, 'cpu.max'), `${quota} ${PERIOD_US}`)
  }
  writeFileSync(join(group, 'cgroup.procs'), `${pid}`)
  return {
    [Symbol.dispose]() {
      writeFileSync(join(root, 'cgroup.procs'), `${pid}`)
      rmdirSync(group)
    },
  }
}
