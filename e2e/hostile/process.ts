// The server's process as the kernel sees it.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'

/** Whether this machine tells about processes by files. */
export const HAS_PROC: boolean = existsSync('/proc/self/status')

/** A figure of `/proc/<pid>/status`, in MB. */
function megabytes(pid: number, name: 'VmRSS' | 'VmHWM'): number {
  const [, kilobytes] = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(
    readFileSync(`/proc/${pid}/status`, 'utf8'),
  )!
  return Math.round(Number(kilobytes) / 1024)
}

/** Memory it holds, in MB. */
export const resident = (pid: number): number => megabytes(pid, 'VmRSS')

/** The most memory it held since `forgetPeak`, in MB. */
export const peak = (pid: number): number => megabytes(pid, 'VmHWM')

/** Counts the peak anew from what is held now: https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html */
export const forgetPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, '5')

/** Open files and sockets. */
export const handles = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length
