// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

/// "refused" if a tool refuses a command line as it should: exit 64, the reason on standard error, nothing on standard
/// output, and nothing of the site changed; else what it did. `arguments` are added to the `--config` of a site of its
/// own, which has a file in each of its directories.
[[nodiscard]] std::string answer_to_wrong_command(const std::string& tool,
                                                  const std::vector<std::string>& arguments);
