// Loaded into each server process with --import: answers the parent's question what it has used so far.
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send!({ cpuMicroseconds: user + system, residentBytes: process.memoryUsage.rss() })
})

// The server ends with its parent, whatever ended that.
process.on('disconnect', () => process.exit(0))
