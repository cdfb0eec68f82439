// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace fiona::site {

[[nodiscard]] std::string replaced(std::string text, std::string_view what, std::string_view with);

/// A shipped text for one site: @CONFIG@ its config.json, @PIDS@ @LOGS@ @DATA@ @PROCESSING@ @SERVER@
/// @APPLICATIONS@ @EXPORT@ its directories, @USER@ and @GROUP@ who own them, @BIN@ where this executable is.
[[nodiscard]] std::string with_places(std::string text, const std::filesystem::path& config_file,
                                      const Paths& paths);

} // namespace fiona::site
