// Where things are: all of them on this machine. See "Deploy" in docs/app-view.md for others.

/** The page. An app on a person's own machine is known to servers by the address 127.0.0.1, not by `localhost`. */
export const origin = 'http://127.0.0.1:3000'
export const indexer = 'http://localhost:2584'
/** Who is asked which account a handle means. */
export const handleResolver = 'http://localhost:2583'
export const plcUrl = 'http://localhost:2582'
/** Whether servers may be on this machine. */
export const allowLoopback = true
