// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/store/requests.h"
#include "tests/support/temp_dir.h"

inline fiona::store::TransferRequest sample_request(const std::string& participant = "DEMO_0001")
{
    using namespace fiona;
    const json::Object content{
        {"redcap_repeat_instance", 1},        {"redcap_repeat_instrument", "transfers"},
        {"study_instance_uid", "1.2.3"},      {"transfer_date", ""},
        {"transfer_event_name", "baseline"},  {"transfer_name", participant},
        {"transfer_project_name", "PROJECT"}, {"transfer_requested_date", "2024-01-02 10:30"}};
    return store::TransferRequest::parse(json::write(content), "sample");
}

struct SampleSite {
    SampleSite()
    {
        paths.processing = directory / "processing";
        paths.data = directory / "data";
    }

    TempDir directory;
    fiona::Paths paths;
};
