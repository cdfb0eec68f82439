// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct T_ASC_Parameters;

namespace fiona::pacs {

/// The transfer syntaxes we take, best first: uncompressed ones; with the profile `any` then the
/// lossless, then all others that DCMTK knows. What is taken is stored bit for bit.
[[nodiscard]] std::vector<std::string> preferred_syntaxes(ReceiverConfig::TransferSyntaxes profile);

/// Verification, storage commitment, every storage class DCMTK knows and, if promiscuous, every class it has never
/// heard of (scanners' private ones, and those younger than this DCMTK).
[[nodiscard]] bool is_acceptable_class(std::string_view abstract_syntax, bool is_promiscuous);

/// The first of `preferred` that is among `proposed`.
[[nodiscard]] std::optional<std::string> choose(const std::vector<std::string>& preferred,
                                                const std::vector<std::string>& proposed);

/// Accepts or refuses every proposed presentation context; returns how many it accepted.
[[nodiscard]] std::size_t negotiate(T_ASC_Parameters& parameters, const ReceiverConfig& config);

} // namespace fiona::pacs
