import type { Finding } from './finding.ts'

const marks: Readonly<Record<Finding['level'], string>> = { ok: 'ok     ', warning: 'warning', problem: 'PROBLEM' }

/** The number of findings of a level. */
export function countOf(level: Finding['level'], findings: readonly Finding[]): number {
  return findings.filter((finding) => finding.level === level).length
}

/** The findings as text. */
export function textReport(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length))
  const lines = findings.flatMap(({ check, level, found, advice }) => {
    const line = `${marks[level]}  ${check.padEnd(width)}  ${found}`
    return advice === undefined ? [line] : [line, `${' '.repeat(marks.ok.length + width + 4)}${advice}`]
  })
  const counts = (['problem', 'warning'] as const).map((level) => {
    const count = countOf(level, findings)
    return `${count} ${level}${count === 1 ? '' : 's'}`
  })
  return `${lines.join('\n')}\n\n${counts.join(', ')}, ${countOf('ok', findings)} ok`
}

/** The findings for programs: one JSON object. */
export function jsonReport(findings: readonly Finding[]): string {
  const counts = { problems: countOf('problem', findings), warnings: countOf('warning', findings) }
  return JSON.stringify({ ...counts, findings }, null, 2)
}
