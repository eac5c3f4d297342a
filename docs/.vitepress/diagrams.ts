import { instance, type Graph } from '@viz-js/viz'

type Nodes = NonNullable<Graph['nodes']>
type Edges = NonNullable<Graph['edges']>

const viz = await instance()

const NODE = /^(\w+)(?:\["([^"]*)"\]|\[\("([^"]*)"\)\])?$/
const EDGE = /^(.+?) (<?)(?:-->|-- "([^"]*)" -->|(-\.)(?:->| "([^"]*)" \.->)) (.+)$/
/** A label is broken before it is longer, as Mermaid does it too. */
const LABEL_CHARACTERS = 24

/**
 * Draws a flowchart of Mermaid as SVG, while the site is built: Mermaid itself would be more for a reader to load than all
 * pages together. Supports the subset of its language that the pages use.
 * @throws Error with the line, for unsupported syntax
 */
export function drawFlowchart(source: string): string {
  const [head = '', ...lines] = source.split('\n').flatMap((line) => line.trim() || [])
  const direction = /^flowchart (TD|LR)$/.exec(head)?.[1]
  if (direction === undefined) throw notDrawn(head)
  const nodes: Nodes = []
  const edges: Edges = []
  for (const line of lines) {
    const edge = EDGE.exec(line)
    if (edge === null) {
      takeNode(line, line, nodes)
      continue
    }
    const [, from, start, label, isDotted, dottedLabel, to] = edge
    const attributes = {
      label: label ?? dottedLabel ?? '',
      dir: start === '<' ? 'both' : 'forward',
      style: isDotted === undefined ? 'solid' : 'dashed',
    }
    for (const tail of from!.split(' & '))
      for (const head of to!.split(' & '))
        edges.push({ tail: takeNode(tail, line, nodes), head: takeNode(head, line, nodes), attributes })
  }
  const svg = viz.renderString(
    {
      graphAttributes: {
        rankdir: direction === 'TD' ? 'TB' : 'LR',
        bgcolor: 'transparent',
        nodesep: 0.2,
        ranksep: 0.5,
      },
      nodeAttributes: {
        label: '\\N',
        shape: 'box',
        style: 'rounded',
        fontname: 'Helvetica',
        fontsize: 12,
        margin: '0.16,0.08',
      },
      edgeAttributes: { fontname: 'Helvetica', fontsize: 10.5, arrowsize: 0.6 },
      nodes,
      edges,
    },
    { format: 'svg' },
  )
  // Numbers and names of Graphviz are of no use to a reader; the colours are the site's.
  const drawing = svg.slice(svg.indexOf('<svg')).replace(/<!--.*?-->|<title>.*?<\/title>| id="[^"]*"/gs, '')
  return `<figure class="diagram" v-pre>${drawing.replace('<svg', '<svg role="img"')}</figure>\n`
}

/** Adds a node with its label and shape, and returns its name. */
function takeNode(text: string, line: string, nodes: Nodes): string {
  const [, name, label, ofCylinder] = NODE.exec(text) ?? []
  if (name === undefined) throw notDrawn(line)
  if (ofCylinder !== undefined) {
    nodes.push({ name, attributes: { label: broken(ofCylinder), shape: 'cylinder', style: 'solid' } })
  } else if (label !== undefined) nodes.push({ name, attributes: { label: broken(label) } })
  else if (text === line) nodes.push({ name })
  return name
}

/** Breaks a label into lines. */
function broken(label: string): string {
  const lines: string[] = []
  for (const word of label.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && `${last} ${word}`.length <= LABEL_CHARACTERS) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines.join('\n')
}

function notDrawn(line: string): Error {
  return new Error(`docs/.vitepress/diagrams.ts does not draw this line of a diagram yet: ${line}`)
}
