//! A laboratory mail log without the command line: `maillog SERVER FOLDER [CUSTOMERS DAYS SEED ABUSE] [UNPACKED]`.

use std::path::Path;

use lab::maillog::{Model, Server, run, write};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [server, out, customers, days, seed, abuse, unpacked @ ..] = arguments.as_slice() else {
        return Err("maillog SERVER FOLDER CUSTOMERS DAYS SEED ABUSE [UNPACKED]".into());
    };
    let programs = server.parse::<Server>()?.find(unpacked.first().map(Path::new))?;
    let model = Model {
        customers: customers.parse()?,
        days: days.parse()?,
        seed: seed.parse()?,
        abuse: abuse.parse()?,
        ..Model::default()
    };
    let plan = model.plan();
    eprintln!("{} sessions", plan.sessions.len());
    let report = run(&plan, &programs, &|done| {
        if done % 1000 < 20 {
            eprintln!("{done}");
        }
    })?;
    write(Path::new(out), &model, &plan, &report)?;
    eprintln!("{:?}", report.took);
    Ok(())
}
