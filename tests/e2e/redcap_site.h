// SPDX-License-Identifier: MIT
#pragma once

#include "tests/support/site.h"

#include <map>
#include <string>
#include <vector>

/// How large a site is made.
struct SiteSize {
    unsigned studies = 500;
    unsigned couplings = 100;
    unsigned projects = 8;
};

/// A site as it is after years, on a real fiona-redcapd: studies in raw/ with two series each, all
/// long settled; a request for each in INCOMING, sent; coupling rows that match none of them; a
/// project and a routing rule for each project.
class GrownSite {
public:
    explicit GrownSite(const SiteSize& size);

    /// One run of a tool, and what it took.
    struct Run {
        int exit_code = -1;
        std::string err;
        double cpu_seconds = 0;
        double wall_seconds = 0;
        double most_megabytes = 0;
    };
    [[nodiscard]] Run run(const std::string& tool) const;

    /// Calls that the server answered since the last time, by project.
    [[nodiscard]] std::map<std::string, unsigned> calls();

    /// So much later: for the copies of REDCap and for REDCap itself, in which all that happened
    /// becomes so much older.
    void later(std::chrono::seconds how_much) const;

    [[nodiscard]] const Site& site() const { return m_site; }
    [[nodiscard]] static fiona::StudyUid study(unsigned number);
    /// Of a research project.
    [[nodiscard]] std::string token(unsigned project) const;

private:
    void make_studies() const;
    void make_projects();
    void fill_redcap() const;

    SiteSize m_size;
    std::vector<std::string> m_tokens; ///< of the research projects
    Site m_site;
    std::size_t m_log_read = 0;
};
