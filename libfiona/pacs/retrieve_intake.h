// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pacs/association.h"
#include "libfiona/pacs/receiver_intake.h"
#include "libfiona/pacs/receiver_part.h"
#include "libfiona/pacs/retrieve.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_set>
#include <vector>

struct T_DIMSE_C_StoreRQ;

namespace fiona::pacs {

/// What comes in during a C-GET. Internal to retrieve.
///
/// directory/N.part  directory/X
///        +              -        arriving; of a dead process: its directory is removed by whoever made it
///        -              +        passed the pre-scan, on the disk
class RetrieveIntake {
public:
    RetrieveIntake(std::filesystem::path directory, const Wanted& wanted, const Peer& peer);

    enum class Connection { kept, lost };
    /// Receives the data set, judges it, gives it its name and answers. Throws Error{Fault::io}.
    [[nodiscard]] Connection take(Association& association, std::uint8_t context,
                                  const T_DIMSE_C_StoreRQ& request, int patience);

    [[nodiscard]] const std::vector<std::filesystem::path>& files() const { return m_files; }
    [[nodiscard]] std::size_t refused() const { return m_refused; }
    [[nodiscard]] bool has(const std::string& sop) const { return m_instances.contains(sop); }

private:
    [[nodiscard]] std::uint16_t keep(PartFile& part, const ObjectClaim& claim);

    std::filesystem::path m_directory;
    const Wanted& m_wanted;
    ReceiverPeer m_peer;
    WriteBuffer m_buffer;
    std::vector<std::filesystem::path> m_files;
    std::unordered_set<std::string> m_instances;
    std::size_t m_refused = 0;
};

} // namespace fiona::pacs
