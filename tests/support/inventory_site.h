// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"
#include "libfiona/redcap/client.h"
#include "tests/support/scripted_finder.h"
#include "tests/support/site.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <set>
#include <string>
#include <vector>

/// A site whose research PACS is `port`, for the tools of the inventory.
class InventorySite : public Site {
public:
    explicit InventorySite(std::uint16_t port)
    {
        set("RESEARCH_PACS", fiona::json::Object{{"host", "127.0.0.1"},
                                                 {"qr_port", port},
                                                 {"port", port},
                                                 {"aet", "RESEARCH"},
                                                 {"timeout", 10}});
    }

    /// The StudyInstanceUIDs in WhatIsInIDS7.
    [[nodiscard]] std::multiset<std::string> table() const
    {
        std::multiset<std::string> studies;
        for (const auto& row : client(fiona::redcap::Role::ids7)->export_records({})) {
            studies.insert(row.record);
        }
        return studies;
    }

    [[nodiscard]] std::string write_lines(const std::string& text) const
    {
        const auto file = root() / "lines.json";
        std::ofstream{file} << text;
        return file.native();
    }
};

inline fiona::pacs::Keys inventory_study(int number, const std::string& patient,
                                         const std::string& project = "DEMO")
{
    return {{"StudyInstanceUID", fmt::format("2.25.{}", number)},
            {"StudyDate", fmt::format("20{:02}0115", 10 + number % 15)},
            {"PatientID", patient},
            {"PatientName", patient},
            {"PatientSex", "O"},
            {"InstitutionName", project},
            {"AccessionNumber", fmt::format("A{}", number)},
            {"StudyID", fmt::format("S{}", number)},
            {"ModalitiesInStudy", "MR\\SR"},
            {"NumberOfStudyRelatedSeries", "3"},
            {"NumberOfStudyRelatedInstances", "30"}};
}

/// Two studies for each patient.
inline std::vector<fiona::pacs::Keys> inventory_archive(int studies)
{
    std::vector<fiona::pacs::Keys> all;
    for (int i = 0; i < studies; ++i) {
        all.push_back(inventory_study(i, fmt::format("DEMO_{:04}", i / 2)));
    }
    return all;
}

inline std::size_t line_count(const std::string& text)
{
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}
