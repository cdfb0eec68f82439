// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace fiona::pacs {

/// The command set of a C-STORE-RQ of medium priority (PS3.7 §9.3.1.1, encoded after §6.3.1 in
/// implicit VR little endian). DCMTK's own call would load and parse the file again.
[[nodiscard]] std::vector<std::byte>
store_command(std::string_view sop_class, std::string_view sop_instance, std::uint16_t message_id);

} // namespace fiona::pacs
