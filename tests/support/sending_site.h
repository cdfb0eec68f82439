// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"
#include "libfiona/redcap/client.h"
#include "tests/support/site.h"
#include "tests/support/skip.h"
#include "tests/support/transfer_site.h"

#include <optional>
#include <string>
#include <utility>

/// A site with the embedded REDCap and the project DEMO; the research PACS is the test's.
struct SendingSite {
    /// False, with a line that says so, where fiona-redcapd is not built.
    static bool can_be_made()
    {
        if (has_tool("fiona-redcapd")) {
            return true;
        }
        skip("fiona-redcapd is not built");
        return false;
    }

    Site site;
    std::optional<TransferSite> studies;

    explicit SendingSite(fiona::json::Object pacs)
    {
        pacs.insert({{"host", "127.0.0.1"}, {"aet", "RESEARCH"}, {"calling_aet", "FIONA"}});
        pacs.emplace("timeout", 10);
        site.set("RESEARCH_PACS", std::move(pacs));
        site.start_redcap();
        site.client(fiona::redcap::Role::dtp)
            ->import_records(
                {{"DEMO", "", "", 0, {{"project_name", "DEMO"}, {"project_active", "1"}}}},
                fiona::redcap::Overwrite::normal);
        studies.emplace(site.config());
    }

    std::string request(const std::string& study) const
    {
        site.client(fiona::redcap::Role::incoming)
            ->import_records({{study, "", "", 0, {{"study_date", "20240102"}}},
                              {study,
                               "",
                               "transfers",
                               1,
                               {{"transfer_project_name", "DEMO"},
                                {"transfer_name", "DEMO_0001"},
                                {"transfer_requested_date", "2024-01-02 10:30"}}}},
                             fiona::redcap::Overwrite::normal);
        return studies->file_request(study, "DEMO", "DEMO_0001");
    }

    std::string add(int number, int images) const
    {
        studies->add_study(number, images);
        return request(TransferSite::study_uid(number));
    }

    /// Files the request of add() once more.
    [[nodiscard]] std::string ask_again(int number) const
    {
        return studies->file_request(TransferSite::study_uid(number), "DEMO", "DEMO_0001");
    }

    [[nodiscard]] std::string told(int number, const std::string& field) const
    {
        fiona::redcap::ExportSpec spec;
        spec.records = {TransferSite::study_uid(number)};
        spec.forms = {"transfers"};
        for (const auto& row : site.client(fiona::redcap::Role::incoming)->export_records(spec)) {
            if (row.instrument == "transfers") {
                return row.value(field);
            }
        }
        return "no row";
    }
};
