// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/digest.h"
#include "libfiona/redcap/client.h"
#include "libfiona/redcap/incoming.h"
#include "tests/support/demo_site.h"

#include <fmt/format.h>

#include <map>
#include <string>
#include <vector>

/// A demo site whose project DEMO makes its ids by itself for the AE title AUTODEMO, and rows in its
/// REDCap, put there as the tools of the road would.
class RowSite {
public:
    using Values = std::map<std::string, std::string, std::less<>>;

    RowSite()
    {
        put(fiona::redcap::Role::dtp,
            {row("DEMO", {{"project_use_autoid", "1"}, {"project_autoid_aetitle", "AUTODEMO"}})});
    }

    [[nodiscard]] static fiona::redcap::Row row(const std::string& record, Values values,
                                                unsigned transfer = 0)
    {
        fiona::redcap::Row row;
        row.record = record;
        row.instrument = transfer == 0 ? "" : "transfers";
        row.instance = transfer;
        row.values = std::move(values);
        return row;
    }

    [[nodiscard]] static fiona::redcap::Row arrived(const std::string& study,
                                                    const std::string& patient)
    {
        return row(study, {{"study_aetitle_addressed", "AUTODEMO"},
                           {"study_patient_id", fiona::sha256_hex(patient)}});
    }
    [[nodiscard]] static fiona::redcap::Row transferred(const std::string& study,
                                                        const std::string& participant,
                                                        const std::string& event = "Baseline")
    {
        return row(study,
                   {{"transfer_project_name", "DEMO"},
                    {"transfer_name", participant},
                    {"transfer_event_name", event},
                    {"transfer_requested_date", "2026-03-01 10:00"},
                    {"transfer_date", "2026-03-01 10:05"},
                    {"transfer_mapped_uid", "2.25." + study.substr(study.rfind('.') + 1)}},
                   1);
    }

    void put(fiona::redcap::Role role, const std::vector<fiona::redcap::Row>& rows) const
    {
        client(role)->import_records(rows, fiona::redcap::Overwrite::normal);
    }
    [[nodiscard]] std::unique_ptr<fiona::redcap::Client> client(fiona::redcap::Role role) const
    {
        return fiona::redcap::connect(site.config.redcap, role);
    }
    [[nodiscard]] std::vector<fiona::redcap::Transfer> transfers() const
    {
        const auto incoming = client(fiona::redcap::Role::incoming);
        return fiona::redcap::Incoming{*incoming, site.config.paths.state() / "locks"}.transfers();
    }
    [[nodiscard]] std::vector<std::string> with_config(std::vector<std::string> words) const
    {
        words.insert(words.end(), {"--config", site.config_file});
        return words;
    }

    DemoSite site;
};
