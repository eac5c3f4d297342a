/**
 * The channel layer of all processes of one machine, without a server.
 * @module tideway/layer/cluster
 */

export {
  ClusterChannelLayer,
  clusterLayerDefaults,
  type ClusterChannelLayerOptions,
} from './cluster/cluster-channel-layer.ts'
export type { ClusterLayerEvents, ClusterLayerListener } from './cluster/cluster-events.ts'
