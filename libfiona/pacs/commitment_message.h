// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pacs/commitment.h"
#include "libfiona/pacs/commitment_search.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

class OFCondition;
struct T_ASC_Association;

/// The two messages of storage commitment, PS3.4 §J.3.2 and §J.3.3.
namespace fiona::pacs {

struct ActionInformation {
    std::string transaction;
    std::vector<ObjectReference> objects; ///< in their order
};

/// Reads the data set of an N-ACTION from a file of ours with a meta header. It passes the pre-scan
/// before DCMTK sees it. Throws Error{Fault::data}: not readable, no transaction UID, no object.
[[nodiscard]] ActionInformation read_action_information(const std::filesystem::path& file);

/// Sends the N-EVENT-REPORT; does not wait for the answer. `verdicts` are in the order of the objects.
[[nodiscard]] OFCondition send_event_report(T_ASC_Association* association, std::uint8_t context,
                                            std::uint16_t message_id,
                                            const CommitmentRequest& request,
                                            const std::vector<Commitment>& verdicts);

} // namespace fiona::pacs
