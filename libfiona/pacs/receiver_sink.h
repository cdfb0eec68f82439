// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

class OFCondition;
struct T_ASC_Association;

namespace fiona::pacs {

/// Receives the data set of a DIMSE message as it comes, fragment by fragment, into `take`, which must
/// not throw. `context` is the presentation context of the command: another one inside the message
/// is DIMSE_BADDATA. `patience`: seconds to wait for each PDU.
[[nodiscard]] OFCondition
receive_data_set(T_ASC_Association* association, std::uint8_t context, int patience,
                 const std::function<void(const void* bytes, std::size_t count)>& take);

} // namespace fiona::pacs
