// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/files.h"
#include "tests/support/smtp_sink.h"
#include "tests/support/trigger_site.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

#include <filesystem>
#include <map>
#include <string>

/// A site whose mails arrive.
struct TriggerBench {
    SmtpSink sink{};
    TriggerSite site{sink.config().url};

    TriggerBench() { site.put_links(fiona::json::Array{TriggerSite::link("17")}); }

    [[nodiscard]] std::size_t mails() const { return sink.mails().size(); }
    /// A link is new at its first run.
    void settle() const { REQUIRE(site.run().exit_code == EX_OK); }
};

/// What is remembered of each link.
inline std::map<std::string, std::string> states(const TriggerSite& site)
{
    std::map<std::string, std::string> found;
    std::error_code absent;
    for (const auto& entry : std::filesystem::directory_iterator{site.state(), absent}) {
        const auto name = entry.path().filename().native();
        if (!name.starts_with('.')) { // what a kill left of a file that never was
            found[name] = fiona::read_file(entry.path());
        }
    }
    return found;
}

/// Programs of the old protocol.
inline constexpr const char* fires = "#!/bin/sh\nexit 1\n";
inline constexpr const char* writes_mail = "#!/bin/sh\necho hello > \"$2/email.txt\"\n";
