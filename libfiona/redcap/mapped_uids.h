// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/ids.h"
#include "libfiona/redcap/client.h"

#include <map>
#include <string>
#include <vector>

namespace fiona::redcap {

/// Which study of INCOMING a de-identified one was made of: `transfer_mapped_uid` of its transfers.
class MappedUids {
public:
    MappedUids() = default;
    /// Of rows that have fields().
    explicit MappedUids(const std::vector<Row>& rows);
    /// Throws what the client throws.
    [[nodiscard]] static MappedUids read(Client& incoming);
    [[nodiscard]] static const std::vector<std::string>& fields();

    struct Transfer {
        std::string study; ///< the original StudyInstanceUID
        std::string project;
        std::string event;
    };
    /// nullptr if no transfer made it. A workstation may have cut off the original's root.
    [[nodiscard]] const Transfer* find(const StudyUid& new_study) const;

private:
    std::map<std::string, Transfer, std::less<>> m_transfers; ///< by new study
};

} // namespace fiona::redcap
