// https://www.iana.org/domains/root/db

/**
 * Country codes, all of them, and the generic domains that most names of the web are under. What else there is takes more room than all
 * the rest of this package, and what ends like it is more often the name of a file or a sentence whose space is missing.
 */
const USUAL =
  /^(?:xn--[a-z\d-]+|a[c-gilmoq-uwxz]|b[abd-jm-or-tvwyz]|c[acdf-ik-oru-z]|d[ejkmoz]|e[cegr-u]|f[i-kmor]|g[abd-il-np-uwy]|h[kmnrtu]|i[del-oq-t]|j[emop]|k[eg-imnprwyz]|l[a-cikr-vy]|m[ac-eghk-z]|n[ace-gilopruz]|om|p[ae-hk-nr-twy]|qa|r[eosuw]|s[a-eg-or-vx-z]|t[cdf-hj-ortvwz]|u[agksyz]|v[aceginu]|w[fs]|y[et]|z[amw]|com|net|org|edu|gov|mil|int|info|biz|app|dev|page|blog|social|xyz|online|site|website|shop|store|cloud|tech|news|live|space|world|club|art|design|studio|games|fun|link|wiki|media|network|pub|lol|gay|bot)$/

/** Whether a top-level domain, in lower case, is one of those. */
export const isUsualTld = (tld: string): boolean => USUAL.test(tld)
