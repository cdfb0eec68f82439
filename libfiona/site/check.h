// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/error.h"
#include "libfiona/site/probes.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace fiona::site {

/// One line of `fiona-config check`.
struct Finding {
    enum class Grade { ok, warn, fail } grade = Grade::ok;
    std::string what;
    std::string remedy;          ///< "" if nothing is wrong
    Fault fault = Fault::config; ///< meaningful for Grade::fail
};

/// A part of the configuration whose reader lives in a room that this one does not know.
struct ConfigReader {
    std::string what;   ///< "streams"; for people
    std::string remedy; ///< if it throws an Error
    std::function<void(const Config&)> read;
};

/// Reads everything a tool would read and connects to everything a tool would connect to. Changes
/// nothing but an empty file that is made and removed in each directory. Never throws for a broken
/// site: what is wrong is a finding.
[[nodiscard]] std::vector<Finding> check_site(const Config& config, const Probes& probes,
                                              const std::vector<ConfigReader>& readers = {});
/// The finding for a configuration that could not even be read.
[[nodiscard]] Finding unreadable_config(const Error& error);
/// The class of the first failure.
[[nodiscard]] std::optional<Fault> first_failure(const std::vector<Finding>& findings);

/// Part of check_site(): REDCap's version, and that each role's project has the fields we use.
[[nodiscard]] std::vector<Finding> check_redcap(const RedcapConfig& config, const Probes& probes);

} // namespace fiona::site
